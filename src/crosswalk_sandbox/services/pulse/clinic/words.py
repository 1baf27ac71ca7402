"""The words people, places and companies of the demo clinic are made of. Nobody here exists."""

_FEMALE_NAMES = """
Asha Lakshmi Priya Kavya Meera Ananya Divya Sunita Geeta Rekha Pooja Neha Shalini Radha Uma Deepa Anjali Swati
Nandini Padma Savitri Bhavana Chitra Farida Gauri Hema Indira Jyoti Kamala Leela Malati Nirmala Parvati Rohini
Saroja Tara Usha Vidya Yamini Zeenat Aditi Bina Charu Damini Esha Fatima Gayatri Harini Ila Janaki
"""
FEMALE_NAMES = tuple(_FEMALE_NAMES.split())
_MALE_NAMES = """
Ramesh Suresh Arjun Vikram Rajesh Anil Sunil Kiran Manoj Prakash Rahul Rohan Sanjay Vijay Ashok Ganesh Mahesh
Naveen Praveen Ravi Sandeep Satish Shankar Srinivas Subramaniam Venkatesh Vinod Yusuf Imran Joseph Thomas
Abdul Balaji Chandra Dinesh Eknath Farhan Gopal Harish Ishaan Jagdish Kartik Lokesh Mohan Nikhil Omkar Pavan
Quasim Sameer Tarun
"""
MALE_NAMES = tuple(_MALE_NAMES.split())
_FAMILY_NAMES = """
Rao Sharma Gupta Patel Reddy Nair Menon Pillai Shetty Hegde Kulkarni Deshpande Joshi Bhat Kamath Pai Naidu
Chowdhury Banerjee Mukherjee Das Ghosh Sen Bose Khan Sheikh Ansari Fernandes D'Souza Pereira Mathew Varghese
Kurian Singh Kaur Gill Bedi Chopra Kapoor Malhotra Mehra Saxena Tiwari Mishra Pandey Dubey Yadav Verma Jain
Shah Desai Trivedi Parekh Krishnan Raman Sundaram Murthy Gowda Patil Pawar
"""
FAMILY_NAMES = tuple(_FAMILY_NAMES.split())
DEVANAGARI_NAMES = ("सुनीता शर्मा", "राजेश कुमार", "गीता देवी", "अनिल जोशी", "प्रिया पाटील", "विजय सिंह", "कमला बाई", "मोहन लाल यादव")
TAMIL_NAMES = ("முருகன் செல்வம்", "லட்சுமி நாராயணன்", "கண்ணன் ராமசாமி", "மீனாட்சி சுந்தரம்", "தமிழ்செல்வி குமார்")
TITLES = (("Smt.", "Kum.", "Dr."), ("Shri", "Mr.", "Dr."))
TITLES_YOUNG = (("Kum.", "Baby", "Miss"), ("Master", "Mr.", "Master"))
"""For women, for men; the young ones for girls, for boys."""

STREETS = (
    "100 Feet Road",
    "MG Road",
    "Temple Street",
    "Gandhi Bazaar Main Road",
    "Station Road",
    "Church Street",
    "2nd Cross",
    "Lake View Road",
    "Market Road",
    "Ring Road",
)
CITIES = (
    ("Bengaluru", "Karnataka", "5600"),
    ("Mysuru", "Karnataka", "5700"),
    ("Mangaluru", "Karnataka", "5750"),
    ("Chennai", "Tamil Nadu", "6000"),
    ("Hyderabad", "Telangana", "5000"),
    ("Pune", "Maharashtra", "4110"),
)
"""City, state, the first four digits of its PIN codes."""

LANGUAGES = ("Kannada", "Hindi", "English", "Tamil", "Telugu", "Marathi", "Malayalam", "Urdu")
OCCUPATIONS = ("Teacher", "Software engineer", "Homemaker", "Shopkeeper", "Driver", "Farmer", "Nurse", "")
SMOKING = ("No", "No", "No", "Yes", "Former", "")
"""A custom field of this clinic, like preferred language and occupation: no shipped map needs to know it."""
REFERRAL_SOURCES = ("Walk-in", "Google search", "Friend or family", "Doctor referral", "Health camp", "Newspaper")
RELATIONS = ("Spouse", "Father", "Mother", "Son", "Daughter", "Brother", "Sister", "Friend")
BLOOD_GROUPS = ("O+", "B+", "A+", "AB+", "O-", "B-", "A-", "AB-")
BLOOD_SPELLINGS = {
    "O+": "O +ve",
    "B+": "B Positive",
    "A+": "A pos",
    "AB+": "AB +VE",
    "O-": "O Negative",
    "B-": "B -ve",
    "A-": "A neg",
    "AB-": "AB Neg",
}
GENDER_SPELLINGS = {"Female": ("F", "FEMALE", "female"), "Male": ("M", "MALE", "male")}
ALLERGIES = ("", "", "", "", "Penicillin", "Sulfa drugs", "Dust; Pollen", "Peanuts", "Aspirin", "Shellfish")

MOBILE_PREFIXES = ("98450", "98860", "99000", "94480", "97400", "90080", "98200", "98110")
"""Ranges of which every number is a valid Indian mobile number (checked by a test with phonenumbers)."""

MAIL_DOMAINS = ("example.org", "example.net", "mail.example.org", "example.com")
"""Reserved for documentation (RFC 2606): nobody can be reached there."""

COMPANIES = (
    ("INS-01", "Suraksha General Insurance Co. Ltd.", "Private", "Mumbai", "Maharashtra", "400051", "SG"),
    ("INS-02", "Arogya Bima Health Insurance", "Private", "Chennai", "Tamil Nadu", "600002", "AB"),
    ("INS-03", "Bharat Mutual Assurance", "Public", "New Delhi", "Delhi", "110002", "BM"),
    ("INS-04", "Nidhi Lalitha Health & Life", "Private", "Bengaluru", "Karnataka", "560001", "NL"),
    ("INS-05", "Kaveri Staff Welfare Scheme", "Public", "Bengaluru", "Karnataka", "560009", "KS"),
    ("INS-06", "Trishul TPA Services", "Private", "Hyderabad", "Telangana", "500034", "TT"),
    ("INS-07", "Sagar United Insurance", "Public", "Kochi", "Kerala", "682011", "SU"),
)
"""Code, name, ownership, city, state, PIN, prefix of its policy numbers."""

BRANCHES = (
    ("CLN-01", "Clinic", "Sanjeevani Clinic, Indiranagar", "080 2553 1234", "indiranagar", "100 Feet Road", 0, "38"),
    ("CLN-02", "Clinic", "Sanjeevani Clinic, Jayanagar", "080 2663 4321", "jayanagar", "4th Block Main Road", 0, "41"),
    ("CLN-03", "Clinic", "Sanjeevani Clinic, Mysuru", "0821 2423456", "mysuru", "Temple Street", 1, "01"),
    ("CLN-04", "Clinic", "Sanjeevani Dental & Skin Clinic", "080 4123 4567", "dental", "Church Street", 0, "01"),
    ("CLN-05", "Partner Clinic", "Arogya Diagnostics (referring)", "044 2815 1234", "arogya", "Station Road", 3, "17"),
    ("CLN-06", "Partner Clinic", "Nethra Eye Care & Surgicals", "0824 2441234", "nethra", "Lake View Road", 2, "02"),
)
"""Code, record type, name, phone, mail box, street, index of the city, last two digits of the PIN."""

STAFF = (
    ("DR-01", "Dr. Sunil Mehta", "Doctor", "General Medicine", "KMC 45123", "mehta@clinic.test", "CLN-01"),
    ("DR-02", "Dr. Lakshmi Iyer", "Doctor", "Paediatrics", "KMC 38870", "iyer@clinic.test", "CLN-01"),
    ("DR-03", "Dr. Anand Kulkarni", "Doctor", "Cardiology", "KMC 51204", "opd@example.org", "CLN-02"),
    ("DR-04", "Dr. Shobha Kulkarni", "Doctor", "Gynaecology", "KMC 51377", "opd@example.org", "CLN-02"),
    ("DR-05", "Dr. Thomas Varghese", "Doctor", "Orthopaedics", "TCMC 20911", "t.varghese@example.org", "CLN-02"),
    ("DR-06", "Dr. Farida Sheikh", "Doctor", "Dermatology", "MMC 60418", "farida.sheikh@example.org", "CLN-04"),
    ("DR-07", "Dr. K. R. Narayanan", "Doctor", "Neurology", "KMC 29005", "kr.narayanan@example.net", "CLN-03"),
    ("DR-08", "Dr. Gurpreet Kaur", "Doctor", "Ear, Nose & Throat", "PMC 33190", "gurpreet.kaur@example.org", "CLN-03"),
    ("DR-09", "Dr. Ravi Hegde", "Doctor", "Dentistry", "KSDC 11820", "ravi.hegde@example.org", "CLN-04"),
    ("DR-10", "Dr. Nandini Bose", "Doctor", "Psychiatry", "WBMC 47002", "nandini.bose@example.net", "CLN-01"),
    ("DR-11", "Dr. Imran Ansari", "Doctor", "Homeopathy", "KHB 9914", "imran.ansari@example.org", "CLN-03"),
    ("DR-12", "Dr. Padma Reddy", "Doctor", "Diabetology", "APMC 55731", "padma.reddy@example.org", "CLN-02"),
    ("ST-01", "Rekha Gowda", "Front desk", "", "", "reception@example.org", "CLN-01"),
    ("ST-02", "Joseph D'Souza", "Billing", "", "", "accounts@example.org", "CLN-02"),
)
"""Code, name, role, speciality, registration number, e-mail, clinic. Two doctors share opd@example.org on purpose."""
