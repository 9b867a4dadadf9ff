"""Atlas: every target asked, on one machine or on many, and the answers as a site in a folder."""
