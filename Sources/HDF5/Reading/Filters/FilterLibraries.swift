import AviaryArchives

/// The libraries that undo the filters which are not written in Swift here.
package struct FilterLibraries: Sendable {
  let zstandard: OptionalLibrary
  let szip: OptionalLibrary
  let blosc2: OptionalLibrary

  /// Those of this machine.
  package static let installed = FilterLibraries()

  package init(
    zstandard: OptionalLibrary = Zstandard.library, szip: OptionalLibrary = Szip.library,
    blosc2: OptionalLibrary = Blosc2.library
  ) {
    self.zstandard = zstandard
    self.szip = szip
    self.blosc2 = blosc2
  }
}
