"""The window at the bench: models hear events, presenters decide, views draw. No experiment and no instrument is named here."""
