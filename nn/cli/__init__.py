"""The command ``gradstep``, a file for each subcommand."""
