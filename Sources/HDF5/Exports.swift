// What this module's own interface speaks of, so that a program needs to import nothing else.
@_exported import enum AviaryArchives.ArchiveFault
@_exported import struct AviaryArchives.ByteRegion
@_exported import enum AviaryArchives.LibraryFault
