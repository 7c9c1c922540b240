"""The words of Hucha in Chinese and English, one catalogue for tablet, console and documents.

Each module is one catalogue: a mapping of key to (Chinese, English). Both languages stand side by
side, so that neither can be forgotten. Sentences take facts as `{name}`;
`filling` says how, and how English tells one from many.
"""
