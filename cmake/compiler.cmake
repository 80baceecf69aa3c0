# The language, the warnings and where programs land; the same for every target of the house.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(THREADS_PREFER_PTHREAD_FLAG ON)

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Release, Debug, RelWithDebInfo" FORCE)
endif()

add_library(smtpgate_options INTERFACE)
target_compile_options(smtpgate_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
                       -Wnon-virtual-dtor -Woverloaded-virtual)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # g++ 12 sees overlapping copies inside std::string's own operator+ (GCC bug 105651).
  target_compile_options(smtpgate_options INTERFACE -Wno-restrict)
endif()
if(SMTPGATE_WARNINGS_AS_ERRORS)
  target_compile_options(smtpgate_options INTERFACE -Werror)
endif()
target_compile_definitions(smtpgate_options INTERFACE SMTPGATE_VERSION="${PROJECT_VERSION}")
target_include_directories(smtpgate_options INTERFACE ${PROJECT_SOURCE_DIR})

# Headers that most files include, parsed once: a build from nothing takes two thirds of the time. A
# compiler cache does better without (it cannot share what was compiled against another's file).
function(smtpgate_precompile target)
  if(NOT CMAKE_CXX_COMPILER_LAUNCHER)
    target_precompile_headers(${target} PRIVATE <algorithm> <array> <chrono> <cstdint> <functional>
      <map> <memory> <optional> <set> <string> <string_view> <utility> <vector> <fmt/format.h>
      <tl/expected.hpp>)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
      # g++ 12 forgets which of them are the system's, and doubts what std::string does (GCC bug
      # 105651); a build with a compiler cache still warns.
      target_compile_options(${target} PRIVATE -Wno-stringop-overflow -Wno-array-bounds)
    endif()
  endif()
endfunction()
