"""What text to speech says for hours: clinic talk in five languages, full of numbers. No I/O."""

import numpy as np

# Voices of espeak-ng that differ most: men's, women's, a whisper, a croak.
VOICES = ("m1", "m3", "m5", "m7", "f1", "f2", "f3", "f5", "croak", "whisper")

SENTENCES = {
    "en": (
        "Your appointment is on the {d} at {h}.",
        "The number you have called is {n}, please hold the line.",
        "For the nurse press {k}; for refills of your medicine press {k}; to repeat this, {k}.",
        "There are {k} callers before you and the wait is about {d} minutes.",
        "Good morning, this is the surgery; I am calling about the results of the blood test.",
        "She has had a fever of {d} since yesterday evening, and her ear hurts on the left side.",
        "The balance of your account is {n} dollars and {d} cents.",
        "Would you mind spelling that name again? My line is really rather bad.",
    ),
    "es": (
        "Su cita es el día {d} a las {h}.",
        "El número que usted ha marcado es el {n}, espere en la línea, por favor.",
        "Para hablar con la enfermera marque {k}; para repetir su receta marque {k}.",
        "Hay {k} personas delante de usted y la espera es de unos {d} minutos.",
        "Buenos días, llamo del consultorio por los resultados de su análisis de sangre.",
        "Tiene {d} grados de fiebre desde anoche y le duele el oído izquierdo.",
        "El saldo de su cuenta es de {n} pesos con {d} centavos.",
        "¿Podría deletrear otra vez ese apellido? La línea se oye bastante mal.",
    ),
    "fr": (
        "Votre rendez-vous est le {d} à {h}.",
        "Le numéro que vous avez composé est le {n}, veuillez patienter.",
        "Pour parler à l'infirmière, appuyez sur {k}; pour une ordonnance, appuyez sur {k}.",
        "Il y a {k} personnes avant vous et l'attente est d'environ {d} minutes.",
        "Bonjour, je vous appelle du cabinet au sujet des résultats de votre prise de sang.",
        "Elle a {d} de fièvre depuis hier soir et son oreille gauche lui fait mal.",
        "Le solde de votre compte est de {n} euros et {d} centimes.",
        "Pourriez-vous épeler ce nom encore une fois? La ligne est vraiment mauvaise.",
    ),
    "it": (
        "Il suo appuntamento è il giorno {d} alle ore {h}.",
        "Il numero che ha chiamato è il {n}, resti in linea per favore.",
        "Per parlare con l'infermiera prema {k}; per le ricette prema {k}.",
        "Ci sono {k} persone prima di lei e l'attesa è di circa {d} minuti.",
        "Buongiorno, chiamo dall'ambulatorio per i risultati delle sue analisi del sangue.",
        "Ha {d} di febbre da ieri sera e le fa male l'orecchio sinistro.",
        "Il saldo del suo conto è di {n} euro e {d} centesimi.",
        "Potrebbe ripetere quel cognome lettera per lettera? La linea è molto disturbata.",
    ),
    "ru": (
        "Вы записаны на {d} число, на {h}.",
        "Вы набрали номер {n}, пожалуйста, оставайтесь на линии.",
        "Чтобы поговорить с медсестрой, нажмите {k}; чтобы продлить рецепт, нажмите {k}.",
        "Перед вами {k} человек, ожидание займёт около {d} минут.",
        "Доброе утро, я звоню из поликлиники по поводу результатов вашего анализа крови.",
        "У неё со вчерашнего вечера температура {d}, и болит левое ухо.",
        "На вашем счету {n} рублей {d} копеек.",
        "Повторите, пожалуйста, фамилию по буквам: очень плохо слышно.",
    ),
}


def paragraph(rng: np.random.Generator, language: str) -> str:
    """Every sentence of a language once, in a drawn order, each with numbers of its own."""
    said = []
    for sentence in rng.permutation(SENTENCES[language]):
        while "{" in sentence:
            at = sentence.index("{")
            number = _number(rng, sentence[at + 1])
            sentence = sentence[:at] + number + sentence[at + 3 :]
        said.append(str(sentence))
    return " ".join(said)


def _number(rng: np.random.Generator, kind: str) -> str:
    match kind:
        case "k":
            return str(rng.integers(0, 10))
        case "d":
            return str(rng.integers(10, 60))
        case "h":
            return f"{rng.integers(7, 20)}:{rng.integers(10, 60)}"
        case _:
            return str(rng.integers(1_000, 10_000_000))
