"""Operations that vary the training images, as the page edits, previews and measures them."""
