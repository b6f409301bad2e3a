"""What is in the images: the distributions of each service's extra, and bills of materials made of them."""
