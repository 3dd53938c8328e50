// libhdf5 names its types and classes by macros that first open the library, which Swift cannot see; each becomes a
// small function here.
#ifndef AVIARY_CHDF5_SHIM_H
#define AVIARY_CHDF5_SHIM_H

#include <hdf5.h>

static inline hid_t aviary_h5_file_access(void) { return H5P_FILE_ACCESS; }

/// libhdf5 locks the files that it opens, since 1.10.7 unless it is told not to.
static inline herr_t aviary_h5_lock_nothing(hid_t access) {
#if H5_VERSION_GE(1, 10, 7)
  return H5Pset_file_locking(access, 0, 1);
#else
  return access < 0 ? -1 : 0;
#endif
}

static inline hid_t aviary_h5_link_create(void) { return H5P_LINK_CREATE; }
static inline hid_t aviary_h5_dataset_create(void) { return H5P_DATASET_CREATE; }

static inline hid_t aviary_h5_int8(void) { return H5T_STD_I8LE; }
static inline hid_t aviary_h5_int16(void) { return H5T_STD_I16LE; }
static inline hid_t aviary_h5_int32(void) { return H5T_STD_I32LE; }
static inline hid_t aviary_h5_int64(void) { return H5T_STD_I64LE; }
static inline hid_t aviary_h5_uint8(void) { return H5T_STD_U8LE; }
static inline hid_t aviary_h5_uint16(void) { return H5T_STD_U16LE; }
static inline hid_t aviary_h5_uint32(void) { return H5T_STD_U32LE; }
static inline hid_t aviary_h5_uint64(void) { return H5T_STD_U64LE; }
static inline hid_t aviary_h5_float32(void) { return H5T_IEEE_F32LE; }
static inline hid_t aviary_h5_float64(void) { return H5T_IEEE_F64LE; }
static inline hid_t aviary_h5_c_string(void) { return H5T_C_S1; }

/// IEEE 754 binary16, which libhdf5 1.10 has no name for; the layout is the one that h5py writes. To be closed.
static inline hid_t aviary_h5_float16(void) {
  hid_t type = H5Tcopy(H5T_IEEE_F32LE);
  H5Tset_fields(type, 15, 10, 5, 0, 10);
  H5Tset_size(type, 2);
  H5Tset_ebias(type, 15);
  return type;
}

/// Sends no error to standard error. The setting belongs to a thread, so every call from Swift makes it first.
static inline void aviary_h5_be_silent(void) { H5Eset_auto2(H5E_DEFAULT, NULL, NULL); }

/// The errors that the last failed call left behind.
static inline herr_t aviary_h5_walk_errors(H5E_walk2_t visit, void *context) {
  return H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, visit, context);
}

static inline hsize_t aviary_h5_unlimited(void) { return H5S_UNLIMITED; }

/// Where the header of an object lies; `H5Oget_info` changed its form after 1.10.
static inline herr_t aviary_h5_object_address(hid_t object, uint64_t *address) {
#if H5_VERSION_GE(1, 12, 0)
  H5O_info1_t info;
  herr_t status = H5Oget_info1(object, &info);
#else
  H5O_info_t info;
  herr_t status = H5Oget_info(object, &info);
#endif
  if (status >= 0) *address = (uint64_t)info.addr;
  return status;
}

#endif
