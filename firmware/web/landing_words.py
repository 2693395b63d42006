"""The landing page's words, in both languages. They stand here and not in the page's catalogue, for
this page must come when nothing else does.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Steps:
    """How a system is told to trust the box."""

    system: str
    file: str  # the form that it opens by itself
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Words:
    """All that the page says in one language."""

    language: str
    other: str  # the other language's name, in itself
    title: str
    what: str
    go_on: str
    warning: str
    trust: str
    why: str
    fingerprint: str
    compare: str
    thumbprint: str
    called: str
    download: str
    systems: tuple[Steps, ...]


ENGLISH = Words(
    language="en",
    other="Español",
    title="This is your clinic's telephone box",
    what="CareLine answers the clinic's telephone. Its page opens only by an encrypted connection.",
    go_on="Go on to the page",
    warning=(
        "Your browser will warn you once: it does not know this box yet, for the box vouches for"
        " itself and no company on the internet does. Choose “Advanced” and go on. You can end the"
        " warnings for good at any time; below is how."
    ),
    trust="End the warnings on this computer, tablet or phone",
    why=(
        "A box that your browser trusts can also use the microphone, and the warning that remains"
        " would be a real one."
    ),
    fingerprint="The box's fingerprint (SHA-256)",
    compare=(
        "Compare it with the one on the box's label or screen. If it differs, stop: this page does"
        " not come from your box."
    ),
    thumbprint="Windows shows another one, the thumbprint (SHA-1)",
    called="In lists of certificates the box is called",
    download="Download the certificate",
    systems=(
        Steps(
            "Windows (Edge, Chrome)",
            ".cer",
            (
                "Download the certificate and open it.",
                "On the tab “Details” compare the thumbprint.",
                "Choose “Install Certificate”, then “Current User”.",
                "Choose “Place all certificates in the following store”, then “Trusted Root"
                " Certification Authorities”, and finish.",
                "Close the browser and open it again.",
            ),
        ),
        Steps(
            "Mac (Safari, Chrome)",
            ".cer",
            (
                "Download the certificate and open it: Keychain Access adds it.",
                "Find it in the list, open it, and compare the fingerprint.",
                "Under “Trust” choose “Always Trust”, and close the window.",
            ),
        ),
        Steps(
            "iPhone, iPad",
            ".mobileconfig",
            (
                "Download the certificate in Safari and choose “Allow”.",
                "Open Settings: “Profile Downloaded”, then “Install”.",
                "In Settings, General, About, Certificate Trust Settings switch it on.",
            ),
        ),
        Steps(
            "Android",
            ".crt",
            (
                "Download the certificate.",
                "In Settings search for “CA certificate”, and choose it.",
                "Choose “Install anyway”, then the downloaded file.",
            ),
        ),
        Steps(
            "Firefox, on any computer",
            ".crt",
            (
                "Download the certificate; Firefox asks at once, else open Settings, Privacy &"
                " Security, View Certificates, Authorities, Import.",
                "Choose “View” and compare the fingerprint.",
                "Tick “Trust this CA to identify websites”.",
            ),
        ),
    ),
)

SPANISH = Words(
    language="es",
    other="English",
    title="Esta es la central telefónica de su clínica",
    what="CareLine atiende el teléfono de la clínica. Su página solo se abre por conexión cifrada.",
    go_on="Continuar a la página",
    warning=(
        "Su navegador le avisará una vez: todavía no conoce esta central, porque responde por sí"
        " misma y ninguna empresa de internet lo hace. Elija «Avanzado» y continúe. Puede acabar"
        " con los avisos cuando quiera; más abajo se explica cómo."
    ),
    trust="Acabar con los avisos en este ordenador, tableta o teléfono",
    why=(
        "Una central en la que su navegador confía puede usar también el micrófono, y el aviso que"
        " quede será de verdad."
    ),
    fingerprint="La huella digital de la central (SHA-256)",
    compare=(
        "Compárela con la de la etiqueta o la pantalla de la central. Si es distinta, deténgase:"
        " esta página no viene de su central."
    ),
    thumbprint="Windows muestra otra, la huella digital SHA-1",
    called="En las listas de certificados la central se llama",
    download="Descargar el certificado",
    systems=(
        Steps(
            "Windows (Edge, Chrome)",
            ".cer",
            (
                "Descargue el certificado y ábralo.",
                "En la pestaña «Detalles» compare la huella digital.",
                "Elija «Instalar certificado» y después «Usuario actual».",
                "Elija «Colocar todos los certificados en el siguiente almacén», después «Entidades"
                " de certificación raíz de confianza», y finalice.",
                "Cierre el navegador y vuelva a abrirlo.",
            ),
        ),
        Steps(
            "Mac (Safari, Chrome)",
            ".cer",
            (
                "Descargue el certificado y ábralo: Acceso a Llaveros lo añade.",
                "Búsquelo en la lista, ábralo y compare la huella digital.",
                "En «Confiar» elija «Confiar siempre» y cierre la ventana.",
            ),
        ),
        Steps(
            "iPhone, iPad",
            ".mobileconfig",
            (
                "Descargue el certificado con Safari y elija «Permitir».",
                "Abra Ajustes: «Perfil descargado» y después «Instalar».",
                "En Ajustes, General, Información, Ajustes de confianza de los certificados,"
                " actívelo.",
            ),
        ),
        Steps(
            "Android",
            ".crt",
            (
                "Descargue el certificado.",
                "En Ajustes busque «Certificado de CA» y elíjalo.",
                "Elija «Instalar de todos modos» y después el archivo descargado.",
            ),
        ),
        Steps(
            "Firefox, en cualquier ordenador",
            ".crt",
            (
                "Descargue el certificado; Firefox pregunta enseguida, y si no, abra Ajustes,"
                " Privacidad y seguridad, Ver certificados, Autoridades, Importar.",
                "Elija «Ver» y compare la huella digital.",
                "Marque «Confiar en esta CA para identificar sitios web».",
            ),
        ),
    ),
)

LANGUAGES: Mapping[str, Words] = {words.language: words for words in (ENGLISH, SPANISH)}
