// The one place that knows which Catch2 is installed: 3.x has catch_all.hpp, Debian 12's 2.x has
// catch.hpp. Every test includes this file instead of either.
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif
