# kist_unit_test(NAME source [libraries...]): a cmocka program, run by ctest under the label "unit".
if(KIST_TESTS)
  pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
endif()

function(kist_unit_test name source)
  string(REPLACE "." "-" target "test-${name}")
  add_executable(${target} ${source})
  target_link_libraries(${target} PRIVATE ${ARGN} kist_flags PkgConfig::CMOCKA)
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  add_test(NAME ${name} COMMAND ${target})
  set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT 120)
endfunction()
