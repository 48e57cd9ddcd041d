/* Test double of cuDNN @VERSION@. */
#define CUDNN_MAJOR @MAJOR@
#define CUDNN_MINOR @MINOR@
#define CUDNN_PATCHLEVEL @PATCH@
