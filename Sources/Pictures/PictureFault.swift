import AviaryArchives

/// Why a picture cannot be made or written.
public enum PictureFault: Swift.Error, Sendable, Equatable, CustomStringConvertible {
  /// The library that draws is not installed.
  case library(LibraryFault)
  /// The picture has more pixels on a side than a PNG file is drawn with, or needs more memory than there is.
  case tooLarge(width: Double, height: Double)
  /// The name of the file ends in the extension of no format that is written.
  case format(path: String)
  /// The library failed.
  case failed(reason: String)
  /// The file cannot be written.
  case archive(ArchiveFault)

  /// One line: what cannot be drawn or written, and what to do.
  public var description: String {
    switch self {
    case .library(let fault): "pictures are drawn by Pango and Cairo: \(fault)"
    case .tooLarge(let width, let height):
      "the picture would have \(Self.whole(width))x\(Self.whole(height)) pixels, and at most \(Drawing.longestSide) a side are drawn; show less"
    case .format(let path): "\(path): pictures are written as .png or .svg; give the file one of these names"
    case .failed(let reason): "the picture cannot be drawn: \(reason)"
    case .archive(let fault): "\(fault)"
    }
  }

  private static func whole(_ length: Double) -> String { length < 1e15 ? "\(Int(length.rounded(.up)))" : "\(length)" }
}
