import AviaryArchives

extension Drawing {
  /// The formats that drawings are written in.
  public enum Format: String, Sendable, CaseIterable {
    /// Pixels, or shapes and text.
    case png, svg

    /// The format of a file by its extension, in capitals or not; nil for another one.
    public init?(path: String) {
      let name = path.split(separator: "/").last ?? ""
      guard let dot = name.lastIndex(of: "."), dot != name.startIndex,
        let format = Format(rawValue: name[name.index(after: dot)...].lowercased())
      else { return nil }
      self = format
    }
  }

  /// Writes the drawing as PNG or SVG, whichever the file's extension says, in place of an older file or not at all.
  ///
  /// - Parameter scale: the pixels of a PNG file for each of the drawing's.
  /// - Parameter path: of the file.
  public func write(to path: String, scale: Double = 1) throws(PictureFault) {
    guard let format = Format(path: path) else { throw .format(path: path) }
    let bytes =
      switch format {
      case .png: try png(scale: scale)
      case .svg: Array(try svg().utf8)
      }
    do throws(ArchiveFault) {
      try writeDurably([ByteRegion(bytes)], to: path)
    } catch {
      throw .archive(error)
    }
  }
}
