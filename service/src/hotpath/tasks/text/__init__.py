"""Tasks about texts, of encoders of BERT's kind: what they have in common, and a package for each."""
