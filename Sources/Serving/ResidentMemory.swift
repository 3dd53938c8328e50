import AviaryArchives
import AviaryPlatform

/// Memory of the process, as the system counts it.
enum ResidentMemory {
  /// 0 where the system does not say.
  static var bytes: Int {
    let words = String(decoding: FileSystem.beginning(of: "/proc/self/statm", count: 200), as: UTF8.self)
      .split(separator: " ")
    guard words.count > 1, let pages = Int(words[1]) else { return 0 }
    return pages * sysconf(Int32(_SC_PAGESIZE))
  }
}
