//! Where the names of the demo come from. They are common ones of many places, put together at
//! random; nobody real is meant.

/// Names of one place or language: given names and family names that go together.
pub(super) struct Culture {
    /// The short name of the place, for the addresses.
    pub(super) code: &'static str,
    pub(super) given: [&'static str; 10],
    pub(super) family: [&'static str; 8],
    /// Whether the family name stands first.
    pub(super) family_first: bool,
    pub(super) cities: [&'static str; 2],
}

const fn culture(
    code: &'static str,
    given: [&'static str; 10],
    family: [&'static str; 8],
    cities: [&'static str; 2],
) -> Culture {
    Culture { code, given, family, family_first: false, cities }
}

/// Every culture takes the same part in the community.
pub(super) const CULTURES: [Culture; 20] = [
    culture(
        "ng",
        ["Amara", "Chidi", "Ngozi", "Emeka", "Adaeze", "Obinna", "Ifeoma", "Kelechi", "Zainab", "Tunde"],
        ["Okafor", "Adeyemi", "Eze", "Balogun", "Nwosu", "Abiola", "Okonkwo", "Danjuma"],
        ["Lagos", "Enugu"],
    ),
    culture(
        "mx",
        ["Mateo", "Valentina", "Diego", "Ximena", "Santiago", "Camila", "Emilio", "Renata", "Joaquín", "Lucía"],
        ["Fernández", "Ramírez", "Castillo", "Ortega", "Mendoza", "Ibarra", "Navarro", "Salinas"],
        ["Guadalajara", "Mérida"],
    ),
    culture(
        "no",
        ["Ingrid", "Lars", "Solveig", "Henrik", "Astrid", "Sindre", "Kari", "Magnus", "Ragnhild", "Eirik"],
        ["Solberg", "Haugen", "Berg", "Lunde", "Nygård", "Dahl", "Myhre", "Bakken"],
        ["Bergen", "Tromsø"],
    ),
    culture(
        "jp",
        ["Yuki", "Haruto", "Sakura", "Ren", "Aoi", "Kenta", "Hana", "Daiki", "Misaki", "Sora"],
        ["Tanaka", "Sato", "Nakamura", "Kobayashi", "Ito", "Watanabe", "Mori", "Hayashi"],
        ["Osaka", "Sendai"],
    ),
    culture(
        "lb",
        ["Leila", "Karim", "Rania", "Ziad", "Nour", "Fadi", "Maya", "Elias", "Yasmine", "Tarek"],
        ["Haddad", "Khoury", "Mansour", "Saab", "Nasser", "Gemayel", "Rahal", "Sfeir"],
        ["Beirut", "Tripoli"],
    ),
    culture(
        "in",
        ["Dev", "Priya", "Arjun", "Ananya", "Rohan", "Kavya", "Vikram", "Meera", "Ishaan", "Lakshmi"],
        ["Patel", "Sharma", "Iyer", "Reddy", "Banerjee", "Kulkarni", "Menon", "Gupta"],
        ["Pune", "Kochi"],
    ),
    culture(
        "de",
        ["Lena", "Jonas", "Greta", "Moritz", "Clara", "Felix", "Johanna", "Anton", "Mathilda", "Till"],
        ["Fischer", "Krüger", "Vogel", "Brandt", "Schäfer", "Lorenz", "Winkler", "Busch"],
        ["Leipzig", "Bremen"],
    ),
    Culture {
        code: "cn",
        given: ["Wei", "Mei", "Jun", "Xinyi", "Hao", "Lan", "Tao", "Yan", "Bo", "Qing"],
        family: ["Zhang", "Li", "Chen", "Huang", "Zhao", "Wu", "Xu", "Lin"],
        family_first: true,
        cities: ["Chengdu", "Xiamen"],
    },
    culture(
        "br",
        ["Beatriz", "Thiago", "Larissa", "Caio", "Helena", "Rafael", "Júlia", "Murilo", "Antônia", "Davi"],
        ["Oliveira", "Souza", "Carvalho", "Ribeiro", "Moreira", "Teixeira", "Barbosa", "Nogueira"],
        ["Recife", "Curitiba"],
    ),
    culture(
        "pl",
        ["Zofia", "Jakub", "Hanna", "Szymon", "Maja", "Antoni", "Wanda", "Piotr", "Alicja", "Tomasz"],
        ["Kowalska", "Nowak", "Wójcik", "Mazur", "Dąbrowa", "Zając", "Król", "Wrona"],
        ["Wrocław", "Gdańsk"],
    ),
    culture(
        "tr",
        ["Elif", "Emre", "Zeynep", "Mert", "Defne", "Can", "Ayşe", "Kerem", "Selin", "Ozan"],
        ["Yılmaz", "Demir", "Şahin", "Çelik", "Aydın", "Öztürk", "Arslan", "Koç"],
        ["İzmir", "Ankara"],
    ),
    culture(
        "et",
        ["Hanna", "Dawit", "Selam", "Yonas", "Meron", "Abel", "Tigist", "Bereket", "Liya", "Samuel"],
        ["Tesfaye", "Bekele", "Haile", "Girma", "Alemu", "Tadesse", "Worku", "Mekonnen"],
        ["Addis Ababa", "Hawassa"],
    ),
    culture(
        "fr",
        ["Camille", "Hugo", "Inès", "Léon", "Margaux", "Bastien", "Élise", "Théo", "Noémie", "Gaspard"],
        ["Moreau", "Lefèvre", "Girard", "Rousseau", "Mercier", "Blanchard", "Faure", "Perrin"],
        ["Lyon", "Nantes"],
    ),
    Culture {
        code: "kr",
        given: [
            "Ji-woo", "Min-jun", "Seo-yeon", "Do-yun", "Ha-eun", "Joon-ho", "Soo-ah", "Tae-yang", "Ye-jin", "Hyun-woo",
        ],
        family: ["Kim", "Park", "Choi", "Jung", "Kang", "Yoon", "Lim", "Han"],
        family_first: true,
        cities: ["Busan", "Daejeon"],
    },
    culture(
        "gb",
        ["Imogen", "Callum", "Freya", "Rhys", "Isla", "Finlay", "Niamh", "Angus", "Bronwen", "Toby"],
        ["Ashworth", "MacLeod", "Pritchard", "O’Neill", "Whitaker", "Hughes", "Fraser", "Barlow"],
        ["Leeds", "Cardiff"],
    ),
    culture(
        "id",
        ["Dewi", "Budi", "Putri", "Agus", "Sari", "Rizky", "Indah", "Bayu", "Ratna", "Wahyu"],
        ["Santoso", "Wijaya", "Hidayat", "Kusuma", "Pratama", "Setiawan", "Lestari", "Nugroho"],
        ["Bandung", "Makassar"],
    ),
    culture(
        "ir",
        ["Shirin", "Arash", "Parisa", "Kaveh", "Nasrin", "Behzad", "Laleh", "Dariush", "Mina", "Omid"],
        ["Rahimi", "Karimi", "Ahmadi", "Sohrabi", "Moradi", "Jafari", "Rostami", "Kazemi"],
        ["Shiraz", "Isfahan"],
    ),
    culture(
        "gr",
        ["Eleni", "Nikos", "Danae", "Stavros", "Ioanna", "Petros", "Kalliope", "Manolis", "Thalia", "Alexis"],
        ["Papadakis", "Georgiou", "Vlachos", "Economou", "Kanellis", "Markou", "Dimas", "Stathis"],
        ["Patras", "Heraklion"],
    ),
    culture(
        "ke",
        ["Wanjiru", "Otieno", "Achieng", "Kamau", "Njeri", "Kiprop", "Makena", "Mwangi", "Akinyi", "Barasa"],
        ["Kariuki", "Odhiambo", "Mutua", "Wambui", "Cheruiyot", "Njoroge", "Omondi", "Kimani"],
        ["Nairobi", "Kisumu"],
    ),
    culture(
        "ua",
        ["Oksana", "Taras", "Iryna", "Andriy", "Solomiya", "Bohdan", "Daryna", "Maksym", "Yaryna", "Ostap"],
        ["Shevchuk", "Kovalenko", "Melnyk", "Bondar", "Lysenko", "Tkachuk", "Hrytsenko", "Savchuk"],
        ["Lviv", "Odesa"],
    ),
];

/// What people do, by the circle that they move in. A headline is made of the work and a place.
pub(super) const CIRCLES: [(&str, [&str; 6]); 10] = [
    (
        "health",
        [
            "Paediatric nurse",
            "General practitioner",
            "Physiotherapist",
            "Midwife",
            "Village pharmacist",
            "Hospital planner",
        ],
    ),
    (
        "building",
        [
            "Timber architect",
            "Structural engineer",
            "Roofer and apprentice master",
            "Site manager",
            "Restorer of old houses",
            "Surveyor",
        ],
    ),
    (
        "software",
        [
            "Database engineer",
            "Front-end developer",
            "Open-source maintainer",
            "Platform engineer",
            "Tester who likes edge cases",
            "Accessibility consultant",
        ],
    ),
    (
        "food",
        [
            "Baker, third generation",
            "Organic farmer",
            "Chef of a school kitchen",
            "Cheese maker",
            "Food scientist",
            "Coffee roaster",
        ],
    ),
    (
        "teaching",
        [
            "Primary school teacher",
            "Lecturer in statistics",
            "Music teacher",
            "Librarian",
            "Vocational trainer",
            "Headteacher",
        ],
    ),
    (
        "climate",
        [
            "Hydrologist",
            "Wind farm technician",
            "Solar installer",
            "Soil researcher",
            "Rail planner",
            "Energy economist",
        ],
    ),
    (
        "design",
        [
            "Type designer",
            "Illustrator",
            "Service designer",
            "Furniture maker",
            "Exhibition designer",
            "Textile artist",
        ],
    ),
    ("law", ["Tenants’ lawyer", "Notary", "Mediator", "Legal translator", "Labour lawyer", "Data protection officer"]),
    (
        "media",
        [
            "Local journalist",
            "Radio producer",
            "Documentary photographer",
            "Podcast editor",
            "Fact checker",
            "Subtitler",
        ],
    ),
    (
        "trade",
        [
            "Bookseller",
            "Fair trade importer",
            "Logistics coordinator",
            "Bicycle mechanic",
            "Market gardener",
            "Shop steward",
        ],
    ),
];

/// What is written with invitations.
pub(super) const NOTES: [&str; 14] = [
    "We met at the workshop in May, at the table by the window. I would like to stay in touch.",
    "Your talk on small teams stayed with me. May I ask you about it some time?",
    "We are both looking for speakers for the spring meeting – shall we look together?",
    "I read your piece on the old harbour. My grandmother worked there.",
    "Hello! I have just moved here and try to get to know people in our field.",
    "We worked on the same project three years ago without ever meeting. High time!",
    "Thank you for your answer in the forum, it saved my week.",
    "You were recommended to me for a question about timber and damp.",
    "I organise the reading group on Thursdays. You said you might come?",
    "Greetings from the train to the conference. Are you going too?",
    "I think we sat next to each other in the panel on housing.",
    "We share four acquaintances and a love of old maps, as I hear.",
    "Could we talk about apprenticeships? I have two places and no idea whom to ask.",
    "It was good to talk yesterday. Here is my side of the promise. 🙂",
];
