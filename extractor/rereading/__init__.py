"""Reading again by confirmed text: what the recogniser was torn between is settled by what people confirmed before."""
