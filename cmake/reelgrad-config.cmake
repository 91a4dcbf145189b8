# find_package(reelgrad) gives two targets:
#   reelgrad::reelgrad   the engine as a static library, for C++ programs
#   reelgrad::extension  headers alone, for extension modules that record on the tapes of Python code
include(CMakeFindDependencyMacro)
find_dependency(Threads)
include(${CMAKE_CURRENT_LIST_DIR}/reelgrad-targets.cmake)
