import ArgumentParser
import Aviary
import AviaryArchives
import AviaryPictures

/// The picture that a command writes.
struct PictureOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("The picture to write: PNG or SVG, as its extension says.", valueName: "file.png|file.svg"))
  var output: String
  @Flag(help: "Write over an existing file that is not a picture, too.") var force = false

  func validate() throws {
    guard Drawing.Format(path: output) != nil else {
      throw ValidationError("--output \(output): pictures are written as .png or .svg")
    }
  }

  /// Refuses to write over a file that is neither PNG nor SVG, before any work is done.
  func check() throws(CommandFault) {
    let start = FileSystem.beginning(of: output, count: 256)
    guard !force, !start.isEmpty else { return }
    let isPNG = start.starts(with: [0x89, 0x50, 0x4e, 0x47])
    let isSVG = String(decoding: start, as: UTF8.self).contains("<svg")
    if !isPNG, !isSVG { throw .wouldOverwrite(path: output, found: "not a picture") }
  }

  func write(_ drawing: Drawing) throws(PictureFault) { try drawing.write(to: output) }
}

extension DecodedImage {
  /// The picture, made so small that no side is longer than `side`.
  func fitted(_ side: Int) -> DecodedImage {
    let longest = max(width, height)
    guard longest > side else { return self }
    func scaled(_ length: Int) -> Int { max(length * side / longest, 1) }
    return resized(width: scaled(width), height: scaled(height))
  }

  /// To be drawn.
  var drawable: Pixels { Pixels(width: width, height: height, channels: 3, bytes: pixels) }
}

extension ImageEntry {
  /// The file's name without its folders, and the number of a packed picture.
  var shortName: String {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    // Of a picture in a file with many the number is what tells it from the others.
    return file == path ? name : String(name[(name.lastIndex(of: "#") ?? name.startIndex)...])
  }
}
