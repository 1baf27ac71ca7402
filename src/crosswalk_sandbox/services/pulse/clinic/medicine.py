"""Diagnoses, medicines and the clinic's standard texts. SNOMED CT codes are concept ids; drug codes are the clinic's own."""

CHRONIC = (
    ("38341003", "Hypertension"),
    ("44054006", "Type 2 diabetes mellitus"),
    ("195967001", "Asthma"),
    ("40930008", "Hypothyroidism"),
    ("37796009", "Migraine"),
    ("235595009", "Gastro-oesophageal reflux disease"),
    ("396275006", "Osteoarthritis"),
    ("13445001", "Ménière’s disease"),
    ("83901003", "Sjögren’s syndrome"),
)
ACUTE = (
    ("54150009", "Upper respiratory infection"),
    ("10509002", "Acute bronchitis"),
    ("363746003", "Acute pharyngitis"),
    ("25374005", "Gastroenteritis"),
    ("38362002", "Dengue"),
    ("68566005", "Urinary tract infection"),
    ("65363002", "Otitis media"),
    ("4834000", "Typhoid fever"),
    ("9826008", "Conjunctivitis"),
    ("80967001", "Dental caries – lower molar"),
    ("24079001", "Atopic dermatitis"),
)
MEDICINES = (
    ("000417", "Metformin 500 mg tab"),
    ("000423", "Amlodipine 5 mg tab"),
    ("000519", "Atorvastatin 10 mg tab"),
    ("001002", "Paracetamol 650 mg tab"),
    ("001104", "Amoxicillin 500 mg cap"),
    ("001180", "Azithromycin 500 mg tab"),
    ("001533", "Levothyroxine 50 mcg tab"),
    ("002071", "Salbutamol 100 mcg inhaler"),
    ("002090", "Pantoprazole 40 mg tab"),
    ("002415", "Cetirizine 10 mg tab"),
    ("003308", "ORS sachet"),
    ("004170", "Vitamin D3 60,000 IU cap"),
    ("010220", "Clotrimazole 1% cream"),
    ("010777", "Ibuprofen 400 mg tab"),
)
DOSAGES = (
    "1-0-1 after food",
    "1-0-0 before food",
    "0-0-1 at bedtime",
    "1-1-1 after food",
    "SOS",
    "Apply twice daily",
    "2 puffs SOS",
)
VISIT_TYPES = ("Consultation", "Follow-up", "Procedure", "Teleconsult", "Vaccination", "Health check")
REASONS = (
    "Fever since 3 days",
    "Routine review",
    "Cough and cold",
    "Joint pain",
    "Skin rash",
    "BP check",
    "Headache",
    "Report discussion",
    "",
)
VISIT_REMARKS = (
    "",
    "",
    "Responding well",
    "Advised rest; fluids",
    "Review after 2 weeks",
    "Diet chart given – see note",
    "Patient’s brother attended",
)
NOTE_KINDS = ("Progress note", "History and physical", "Discharge advice", "Lab review")
FINDINGS = (
    "vitals stable",
    "mild pallor",
    "chest clear",
    "throat congested",
    "BP 142/90 mmHg",
    "SpO2 98% on room air",
    "abdomen soft",
)
PLANS = (
    "continue same medicines",
    "CBC and ESR in a week",
    "review with reports",
    "physiotherapy, 5 sittings",
    "low-salt diet",
    "refer if no relief",
)
DOCUMENT_KINDS = (("Lab report", "lab-report", "pdf"), ("X-ray image", "x-ray", "png"), ("Consent form", "consent", "pdf"))
"""Kind, the word in the file's name, its type."""

MESSAGES_OUT = (
    "Dear patient, your appointment is confirmed. Please arrive 10 minutes early.",
    "Your reports are ready. Kindly collect them at the front desk.",
    "Reminder: your review is due this week.\nReply YES to confirm.",
    "Thank you for visiting Sanjeevani Clinic 🙏",
)
MESSAGES_IN = (
    "YES",
    "Can I come at 6 pm instead?",
    "Please share the invoice.",
    "Fever is back, kindly advise",
    "धन्यवाद डॉक्टर",
    "Ok, thanks 👍",
)

CAMPAIGNS = (
    (
        "CMP-01",
        "Monsoon dengue awareness",
        "SMS",
        "Keep water covered.\nUse repellent, day and night.\nFever over 2 days? Come for a check.",
    ),
    ("CMP-02", "Diabetes screening camp", "WhatsApp", "Free HbA1c screening on Sunday, 9 am to 1 pm.\nCarry old reports."),
    ("CMP-03", "Flu vaccination drive", "E-mail", "Flu vaccine now at all branches.\n\nBook with the front desk."),
    ("CMP-04", "Women’s health week", "SMS", "Breast and thyroid check at half fee, all week."),
    ("CMP-05", "Senior citizens’ BP check", "SMS", "BP and sugar check without fee on Saturdays."),
    ("CMP-06", "Dental hygiene month", "E-mail", "Scaling and polishing at a special price.\nChildren under 12 come free."),
)
MEMBER_STATUSES = ("Delivered", "Responded", "Sent", "Opted out", "Failed")
