# Run by "cmake --install": samples, units and settings of other programs. Those that name our
# programs are made for the prefix that is installed to, which need not be the one that was
# configured. Given by install.cmake: BINDIR and DATADIR (absolute), `sources`, which is
# the folder postfix-conf, and BUILD, the build folder.

string(RANDOM LENGTH 12 unique) # several may install at once
set(made_folder "${BUILD}/made-${unique}")

# SOURCE below postfix-conf, to DIRECTORY under NAME.
function(install_made source directory name)
  file(READ "${sources}/${source}" text)
  string(REPLACE "/usr/local/bin/" "${BINDIR}/" text "${text}")
  file(WRITE "${made_folder}/${name}" "${text}")
  file(INSTALL "${made_folder}/${name}" DESTINATION "${directory}"
       PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
  # For install_manifest.txt, by which an installation is removed.
  set(CMAKE_INSTALL_MANIFEST_FILES "${CMAKE_INSTALL_MANIFEST_FILES}" PARENT_SCOPE)
endfunction()

foreach(name IN ITEMS main.cf.fragment master.cf.fragment ADDR_MAP.CFG smtpgate.toml)
  install_made(${name} "${DATADIR}/smtpgate" ${name})
endforeach()
install_made(logrotate "${DATADIR}/smtpgate" logrotate)
foreach(kind IN ITEMS sysusers tmpfiles)
  install_made(systemd/smtpgate.${kind} "${CMAKE_INSTALL_PREFIX}/lib/${kind}.d" smtpgate.conf)
endforeach()
file(GLOB units "${sources}/systemd/*.service" "${sources}/systemd/*.timer")
foreach(unit IN LISTS units)
  get_filename_component(name "${unit}" NAME)
  install_made(systemd/${name} "${CMAKE_INSTALL_PREFIX}/lib/systemd/system" ${name})
endforeach()
# bash-completion looks for a file by the name of the program.
foreach(program IN ITEMS smtpgate smtpconv smtpput smtpget postoffice smtpgate-setup)
  install_made(bash-completion "${DATADIR}/bash-completion/completions" ${program})
endforeach()

# /etc with the prefix /usr alone, as a package has it, and never over a file that is there.
if("${CMAKE_INSTALL_PREFIX}" STREQUAL "/usr")
  foreach(pair IN ITEMS smtpgate.toml:smtpgate/smtpgate.toml ADDR_MAP.CFG:smtpgate/ADDR_MAP.CFG
                        logrotate:logrotate.d/smtpgate)
    string(REPLACE ":" ";" pair "${pair}")
    list(GET pair 0 source)
    list(GET pair 1 target)
    get_filename_component(directory "/etc/${target}" DIRECTORY)
    get_filename_component(name "/etc/${target}" NAME)
    if(NOT EXISTS "$ENV{DESTDIR}/etc/${target}")
      install_made(${source} "${directory}" ${name})
    endif()
  endforeach()
endif()
file(REMOVE_RECURSE "${made_folder}")
