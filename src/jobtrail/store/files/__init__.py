"""Where the bytes of assets lie: addressed by digest, written in streams, never readable before they are whole."""
