"""What the command says of an error."""


def message_of(error: BaseException) -> str:
    """An error's words, without its type."""
    match error:
        case RecursionError():
            return "the input is nested too deeply"
        case MemoryError():
            return "out of memory; fewer rows, columns or neurons take less"
        case KeyboardInterrupt():
            return "interrupted"
        case UnicodeEncodeError():
            letter = ascii(error.object[error.start])
            return f"the output is in {error.encoding}, which has no {letter}; set PYTHONIOENCODING=utf-8"
        case OSError() if error.strerror:
            return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)
