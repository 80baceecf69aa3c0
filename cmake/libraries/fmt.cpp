// fmt's compiled half, from its own header, so that it can be linked into programs: Debian packages
// it as a shared library only. Used with SMTPGATE_STATIC_LIBRARIES. Nothing of ours.
#include <fmt/format-inl.h>

template FMT_API fmt::detail::thousands_sep_result<char>
    fmt::detail::thousands_sep_impl<char>(fmt::detail::locale_ref);
template FMT_API char fmt::detail::decimal_point_impl<char>(fmt::detail::locale_ref);
