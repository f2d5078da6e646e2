# cpack -G DEB. Without LibTorch's libraries in it, a package would name a folder of the machine that it was built on.
set(CPACK_PACKAGE_NAME sora-gen)
set(CPACK_PACKAGE_CONTACT "the sora-gen developers")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "makes videos from text, images and clips, offline")
set(CPACK_PACKAGE_DESCRIPTION "Renders with checkpoints in the layout of Hugging Face diffusers that are on this machine.\nContains the CPU libraries of LibTorch and a small checkpoint.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION video)
set(CPACK_DEBIAN_COMPRESSION_TYPE zstd)
# Depends: the Debian packages of what is linked, and not what is bundled.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${SORA_TORCH_DIR}/lib ${SORA_CUDA_DIR}/lib)
include(CPack)
