"""One module a verb: arguments in, a frozen result out, no printing."""
