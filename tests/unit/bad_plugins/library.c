/* What destination-needs_library is linked with and does not find. */
#include <kist/abi.h>

int kist_test_in_library(void);
KIST_PUBLIC int kist_test_in_library(void)
{
    return 0;
}
