"""What a method may import: forwards with parts replaced, gradients, alignments. `istar.methods` names all of it."""
