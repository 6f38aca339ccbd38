from tests import typechecker as typechecker  # jaxtyping looks it up as an attribute
