// The one room that knows what the C library is called on each system, and what else Swift code has to ask the system by
// different names. Everything else says `import AviaryPlatform`, so that it compiles on all of them or on none;
// `PlatformRoomTests` enforces it. What only C can say is in CPlatform.
#if canImport(Glibc)
  @_exported import Glibc
#elseif canImport(Musl)
  @_exported import Musl
#elseif canImport(Android)
  @_exported import Android
#else
  @_exported import Darwin
#endif

extension stat {
  /// When the contents were last changed.
  package var modificationTime: timespec {
    #if canImport(Darwin)
      st_mtimespec
    #else
      st_mtim
    #endif
  }
}

/// How the system names shared libraries.
package enum SharedLibrary {
  /// Whether packages come from Homebrew; otherwise they have Debian's names.
  package static var isHomebrew: Bool {
    #if canImport(Darwin)
      true
    #else
      false
    #endif
  }

  /// Where a library of a version may be: a name that the loader looks for, then paths.
  package static func files(stem: String, version: Int) -> [String] {
    guard isHomebrew else { return ["lib\(stem).so.\(version)"] }
    let file = "lib\(stem).\(version).dylib"
    return [file, "/opt/homebrew/lib/" + file, "/usr/local/lib/" + file]
  }
}
