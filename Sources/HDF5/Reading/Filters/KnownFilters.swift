extension FilterPipeline {
  /// The filters that the HDF5 library defines, h5py's, and plug-ins registered with the HDF Group.
  enum Known: Int {
    case deflate = 1
    case shuffle = 2
    case fletcher32 = 3
    case szip = 4
    case nbit = 5
    case scaleOffset = 6
    case lzf = 32000
    case blosc = 32001
    case lz4 = 32004
    case bitshuffle = 32008
    case zstandard = 32015
    case blosc2 = 32026
  }
}

extension FilterPipeline.Filter {
  /// The names under which other plug-ins are registered.
  private static let registered: [Int: String] = [
    305: "LZO", 307: "bzip2", 32002: "MAFISC", 32003: "Snappy", 32005: "APAX", 32006: "CBF", 32007: "JPEG-XR",
    32009: "SPDP", 32010: "LPC-Rice", 32011: "CCSDS-123", 32012: "JPEG-LS", 32013: "zfp", 32014: "fpzip", 32016: "B3D",
    32017: "SZ", 32018: "FCIDECOMP", 32019: "JPEG", 32020: "VBZ", 32021: "FAPEC", 32022: "BitGroom",
    32023: "Granular BitRound", 32024: "SZ3", 32025: "Delta-Rice", 32027: "FLAC", 32028: "SPERR",
  ]

  /// Its number, and its registered name or the one in the file.
  var title: String {
    let name = Self.registered[id] ?? name
    return "filter \(id)" + (name.isEmpty ? "" : " (\(name))")
  }
}
