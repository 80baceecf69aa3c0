# What "cmake --install" puts where: programs, man pages (if scdoc is there), set-up files, documents.
# docs/install.md has the list for people.
include(GNUInstallDirs)
# Installing and packing take what is there: with make they would build the tests first.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)

foreach(program IN ITEMS smtpgate smtpconv smtpput smtpget postoffice)
  if(TARGET ${program})
    install(TARGETS ${program} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  endif()
endforeach()

install(PROGRAMS postfix-conf/smtpgate-setup DESTINATION ${CMAKE_INSTALL_SBINDIR})
install(FILES postfix-conf/smb.conf postfix-conf/grafana-dashboard.json
              postfix-conf/prometheus-alerts.yml
        DESTINATION ${CMAKE_INSTALL_DATADIR}/smtpgate)
install(DIRECTORY postfix-conf/first-day DESTINATION ${CMAKE_INSTALL_DATADIR}/smtpgate USE_SOURCE_PERMISSIONS)
install(FILES README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR}
        FILES_MATCHING PATTERN *.md PATTERN *.png PATTERN man EXCLUDE)

install(CODE "
  set(BINDIR \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}\")
  set(DATADIR \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_DATADIR}\")
  set(sources \"${PROJECT_SOURCE_DIR}/postfix-conf\")
  set(BUILD \"${PROJECT_BINARY_DIR}\")
  include(\"${PROJECT_SOURCE_DIR}/cmake/install_files.cmake\")
")

find_program(SCDOC scdoc)
if(SCDOC)
  file(GLOB MANUAL_SOURCES CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/docs/man/*.scd)
  foreach(source IN LISTS MANUAL_SOURCES)
    get_filename_component(page ${source} NAME_WLE)
    string(REGEX REPLACE "^.*\\." "" section ${page})
    set(output ${PROJECT_BINARY_DIR}/man/man${section}/${page})
    add_custom_command(OUTPUT ${output}
      COMMAND ${CMAKE_COMMAND} -E make_directory ${PROJECT_BINARY_DIR}/man/man${section}
      COMMAND ${SCDOC} < ${source} > ${output}
      COMMAND gzip -9nkf ${output}
      DEPENDS ${source} COMMENT "Man page ${page}" VERBATIM)
    list(APPEND MANUAL_PAGES ${output})
    install(FILES ${output}.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
  endforeach()
  add_custom_target(manual ALL DEPENDS ${MANUAL_PAGES})
else()
  message(STATUS "scdoc is not installed: no man pages")
endif()
