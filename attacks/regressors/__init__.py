"""The regressors, which measure what is read of numbers, that come with aiakit, one file each."""
