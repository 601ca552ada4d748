"""The nouns of Countersign: values, states, document types, tables and nets. Importing this costs nothing."""
