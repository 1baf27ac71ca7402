"""The words around names that Crosswalk reads as titles and suffixes; everything else stays in the name."""

# Short on purpose: nameparser's own list also takes Prince, King, Major and Judge, which are people's given names in India.
TITLES = frozenset(
    {"mr", "mrs", "ms", "miss", "mx", "mister", "madam", "sir", "dame", "dr", "doctor", "prof", "professor", "rev"}
    | {"fr", "sr", "hon", "capt", "captain", "col", "maj", "gen", "brig", "lt", "sgt", "adv", "advocate", "er"}
    | {"shri", "shree", "sri", "smt", "shrimati", "srimati", "kum", "kumari", "ku", "km", "selvi", "thiru", "tmt"}
    | {"janab", "pandit", "master", "mst", "mstr", "dra", "sra", "srta", "herr", "frau", "mme", "mlle"}
    | {"श्री", "श्रीमती", "सुश्री", "कुमारी", "डॉ", "डा", "डॉक्टर", "प्रो", "திரு", "திருமதி", "டாக்டர்", "శ్రీ", "శ్రీమతి", "ಶ್ರೀ", "ಶ್ರೀಮತಿ"}
)
GENERATIONS = frozenset({"jr", "sr", "jnr", "snr", "ii", "iii", "iv", "esq", "retd"})
DEGREES = frozenset(
    {"md", "do", "mbbs", "mbchb", "bds", "mds", "bams", "bhms", "bums", "bnys", "bvsc", "ms", "mch", "dm", "dnb", "dgo"}
    | {"dch", "dlo", "dmrd", "ddv", "dvd", "dpm", "frcs", "mrcs", "mrcp", "frcp", "facs", "facp", "faap", "phd", "pharmd"}
    | {"dpharm", "bpharm", "mpharm", "rn", "np", "pac", "aprn", "fnp", "lpn", "dds", "dmd", "od", "dpt", "bpt", "mpt", "dc"}
    | {"psyd", "lcsw", "lmft", "rd", "rdn", "msw", "bsc", "msc", "ba", "ma", "mba", "mph", "jd", "llb", "llm", "ca", "cpa"}
    | {"be", "btech", "mtech", "bcom", "mcom"}
)
# Also given and family names (Ms Ma, Do Kim): suffixes only where dots or a comma say so.
DEGREES_OR_NAMES = frozenset({"do", "ma", "ba", "ms", "od", "ca", "rd", "dm", "be"})
# Marian given names: "María del Carmen Bravo" is María del Carmen, of the family Bravo.
MARIAN = frozenset(
    {"carmen", "pilar", "rosario", "rocío", "rocio", "mar", "sol", "socorro", "consuelo", "refugio", "tránsito", "transito"}
    | {"jesús", "jesus", "lourdes", "ángeles", "angeles", "dolores", "mercedes", "nieves", "remedios", "milagros", "luz"}
    | {"guadalupe", "fátima", "fatima", "montserrat", "paz", "cruz", "gracia", "asunción", "asuncion", "belén", "belen"}
)
