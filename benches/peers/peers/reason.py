"""Why a library failed; without any library, so that a worker may import it."""


def reason(error):
    """The line of an error that tells most."""
    lines = [line.strip(" -") for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if "No conversion rule" in line]
    return (telling or lines[-1:] or [type(error).__name__])[0][:200]
