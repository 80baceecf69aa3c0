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
target_compile_options(smtpgate_options INTERFACE -Wall -Wextra -Wpedantic -Wconversion
                       -Wnon-virtual-dtor -Woverloaded-virtual)
# Of files that are compiled as one, a name of one is no shadow of another's.
target_compile_options(smtpgate_options INTERFACE
                       $<$<NOT:$<BOOL:$<TARGET_PROPERTY:UNITY_BUILD>>>:-Wshadow>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # g++ 12 sees overlapping copies inside std::string's own operator+ (GCC bug 105651).
  target_compile_options(smtpgate_options INTERFACE -Wno-restrict)
endif()
if(SMTPGATE_WARNINGS_AS_ERRORS)
  target_compile_options(smtpgate_options INTERFACE -Werror)
endif()
target_compile_definitions(smtpgate_options INTERFACE SMTPGATE_VERSION="${PROJECT_VERSION}")
target_include_directories(smtpgate_options INTERFACE ${PROJECT_SOURCE_DIR})

# A build from nothing in half of the time: headers that most files include are parsed once, and a
# room is compiled as 16 groups of files (or as many as is said). Which ones is told by their names
# alone, so that a new file changes one group; names in a file's own namespace may not meet those of another in its group. A
# compiler cache does better without both (it shares files, and not what was made from another
# tree's).
function(smtpgate_compile_together target)
  if(CMAKE_CXX_COMPILER_LAUNCHER)
    return()
  endif()
  set(groups 16)
  if(ARGC GREATER 1)
    set(groups ${ARGV1})
  endif()
  target_precompile_headers(${target} PRIVATE <algorithm> <array> <chrono> <cstdint> <functional>
    <map> <memory> <optional> <set> <string> <string_view> <utility> <vector> <fmt/format.h>
    <tl/expected.hpp>)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # What one file keeps to itself looks to g++ as if a header had it. In a large unit it inlines
    # less than in the files by themselves, which cost a tenth of the speed here and there.
    target_compile_options(${target} PRIVATE -Wno-subobject-linkage --param=large-unit-insns=200000)
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # g++ 12 forgets which headers are the system's, and doubts what std::string does (GCC bug
    # 105651); a build with a compiler cache still warns.
    target_compile_options(${target} PRIVATE -Wno-stringop-overflow -Wno-stringop-overread
                           -Wno-array-bounds)
  endif()
  get_target_property(sources ${target} SOURCES)
  foreach(source IN LISTS sources)
    string(MD5 hash "${source}")
    string(SUBSTRING "${hash}" 0 6 hash)
    math(EXPR group "0x${hash} % ${groups}")
    set_source_files_properties(${source} PROPERTIES UNITY_GROUP "${group}")
  endforeach()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
endfunction()
