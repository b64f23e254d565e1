"""The screens of `jobtrail top`, drawn with Textual. They read and act through a client, and hold no rule of their own."""
