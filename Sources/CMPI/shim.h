// The headers and the library of Open MPI, as pkg-config finds them; COpenMPI alone includes mpi.h.
#ifndef AVIARY_CMPI_H
#define AVIARY_CMPI_H
#endif
