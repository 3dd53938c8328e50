import AviaryArchives
import AviaryDatasets
import Foundation
import Testing

@testable import AviaryPictures

/// A drawing as the pixels of its PNG file.
func pixels(of drawing: Drawing, scale: Double = 1) throws -> DecodedImage {
  try DecodedImage(decoding: drawing.png(scale: scale), named: "drawing")
}

extension DecodedImage {
  func pixel(_ x: Int, _ y: Int) -> [UInt8] { Array(pixels[3 * (y * width + x)..<3 * (y * width + x) + 3]) }
}

@Suite struct DrawingTests {
  @Test func shapesAreWhereTheyBelong() throws {
    var drawing = Drawing(width: 40, height: 20, title: "shapes")
    drawing.rectangle(.init(x: 0, y: 0, width: 10, height: 20), fill: .init(0xff0000))
    drawing.circle(center: .init(x: 30, y: 10), radius: 6, fill: .init(0x0000ff))
    drawing.polygon([.init(x: 12, y: 0), .init(x: 20, y: 0), .init(x: 20, y: 20), .init(x: 12, y: 20)], fill: .black)
    let image = try pixels(of: drawing)
    #expect((image.width, image.height) == (40, 20))
    #expect(
      image.pixel(5, 10) == [255, 0, 0] && image.pixel(30, 10) == [0, 0, 255] && image.pixel(16, 5) == [0, 0, 0])
    #expect(image.pixel(39, 0) == [255, 255, 255])
    let doubled = try pixels(of: drawing, scale: 2)
    #expect((doubled.width, doubled.height) == (80, 40) && doubled.pixel(10, 20) == [255, 0, 0])
  }

  @Test func clippingCutsOff() throws {
    var drawing = Drawing(width: 20, height: 20, title: "clip")
    drawing.clipped(to: .init(x: 5, y: 5, width: 10, height: 10)) {
      $0.rectangle(.init(x: 0, y: 0, width: 20, height: 20), fill: .black)
    }
    drawing.rectangle(.init(x: 0, y: 0, width: 2, height: 2), fill: .init(0x00ff00))
    let image = try pixels(of: drawing)
    #expect(image.pixel(10, 10) == [0, 0, 0] && image.pixel(17, 10) == [255, 255, 255])
    #expect(image.pixel(0, 0) == [0, 255, 0], "what follows is not clipped")
    #expect(try drawing.svg().contains("clip-path=\"url(#"))
  }

  @Test func picturesKeepTheirPixels() throws {
    let picture = Pixels(width: 2, height: 1, channels: 3, bytes: [255, 0, 0, 0, 0, 255])
    var drawing = Drawing(width: 20, height: 10, title: "picture")
    drawing.image(picture, in: .init(x: 0, y: 0, width: 20, height: 10), isSmooth: false)
    let image = try pixels(of: drawing)
    #expect(image.pixel(9, 5) == [255, 0, 0] && image.pixel(10, 5) == [0, 0, 255])
    // Half opaque blue over white, and grey of one channel.
    var layered = Drawing(width: 2, height: 1, title: "opacity")
    layered.image(
      Pixels(width: 1, height: 1, channels: 4, bytes: [0, 0, 255, 128]), in: .init(x: 0, y: 0, width: 1, height: 1))
    layered.image(
      Pixels(width: 1, height: 1, channels: 1, bytes: [77]), in: .init(x: 1, y: 0, width: 1, height: 1))
    let result = try pixels(of: layered)
    #expect(result.pixel(0, 0)[0].distance(to: 127).magnitude <= 1 && result.pixel(0, 0)[2] == 255)
    #expect(result.pixel(1, 0) == [77, 77, 77])
    // The SVG document has the same picture.
    let svg = try drawing.svg()
    let start = try #require(svg.range(of: "base64,"))
    let end = try #require(svg.range(of: "\"/>\n</svg>"))
    let data = try #require(Data(base64Encoded: String(svg[start.upperBound..<end.lowerBound])))
    #expect(try DecodedImage(decoding: Array(data), named: "svg").pixels == picture.bytes)
  }

  @Test func textIsDrawnInsideOfItsPlace() throws {
    var drawing = Drawing(width: 120, height: 40, title: "text")
    drawing.text("Hello", at: .init(x: 60, y: 20), font: .init(size: 20), color: .black, horizontal: .center)
    let image = try pixels(of: drawing)
    let places = (0..<40 * 120).filter { image.pixels[3 * $0] < 100 }
    #expect(places.count > 40)
    let width = Drawing.width(of: "Hello", .init(size: 20))
    for place in places {
      #expect(abs(Double(place % 120) - 60) <= width / 2 + 1 && (8...30).contains(place / 120))
    }
  }

  @Test func numbersThatAreNotFiniteDrawNothing() throws {
    var drawing = Drawing(width: 10, height: 10, title: "odd")
    drawing.rectangle(.init(x: .nan, y: 0, width: 5, height: 5), fill: .black)
    drawing.line(from: .init(x: 0, y: .infinity), to: .init(x: 1, y: 1), .init(.black))
    drawing.circle(center: .init(x: 0, y: 0), radius: .nan, fill: .black)
    drawing.text("x", at: .init(x: .nan, y: 0))
    #expect(drawing.marks.isEmpty)
    drawing.rectangle(.init(x: -1e300, y: 4, width: 1e301, height: 1e12), fill: .black)
    #expect(try pixels(of: drawing).pixel(5, 5).count == 3 && drawing.svg().contains("<rect"))
  }

  @Test func polylinesHaveGaps() {
    var drawing = Drawing(width: 10, height: 10, title: "gaps")
    let ys: [Double] = [1, 2, .nan, 3, .infinity, 4, 5]
    drawing.polyline(ys.enumerated().map { .init(x: Double($0.offset), y: $0.element) }, .init(.black))
    let kinds = drawing.marks.map { mark in
      switch mark {
      case .path(let points, _, _, _): points.count
      case .circle: 1
      default: 0
      }
    }
    #expect(kinds == [2, 1, 2])
  }

  @Test func sizesHaveBounds() {
    for (width, height) in [(0.0, 10.0), (40_000, 10), (10, 1e9), (.nan, 10)] {
      let drawing = Drawing(width: width, height: height, title: "size")
      #expect(throws: PictureFault.self) { try drawing.png() }
    }
  }

  @Test func aDrawingIsWrittenWhole() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "drawing-\(UInt64.random(in: 0...(.max)))")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let drawing = Drawing(width: 4, height: 4, title: "file")
    for name in ["a.png", "a.SVG", "图.svg"] { try drawing.write(to: folder.path + "/" + name) }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 3)
    #expect(try String(contentsOfFile: folder.path + "/a.SVG", encoding: .utf8).hasPrefix("<svg"))
    for name in ["a.jpg", "png", ".png", "folder.png/x"] {
      #expect(throws: PictureFault.format(path: name)) { try drawing.write(to: name) }
    }
    let missing = folder.path + "/none/a.png"
    let fault = #expect(throws: PictureFault.self) { try drawing.write(to: missing) }
    #expect(fault?.description.contains(missing) == true && fault?.description.contains("\n") == false)
  }

  @Test func anAbsentLibraryIsNamed() {
    let library = OptionalLibrary("libpangocairo-1.0", files: ["libno-such-library.so.0"], package: "pango")
    #expect(throws: LibraryFault.notInstalled(library: "libpangocairo-1.0", package: "pango")) {
      try PangoCairo(library)
    }
  }

  @Test func base64IsThatOfFoundation() {
    for count in 0..<8 {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: 37 * $0 + 251) }
      #expect(base64(bytes) == Data(bytes).base64EncodedString())
    }
  }
}
