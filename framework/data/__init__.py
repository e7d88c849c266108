"""Images, from their source to the arrays that the network takes."""
