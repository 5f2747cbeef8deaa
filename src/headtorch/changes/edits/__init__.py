"""How each edit is carried out: one module an edit, with the name that it has in `Edit.do`."""
