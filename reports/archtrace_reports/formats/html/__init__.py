"""HTML: one self-contained page. Results become views (frozen, text alone), views become markup by templates."""
