import Testing

@testable import AviaryPictures

@Suite struct OverlayTests {
  private let grey = [UInt8](repeating: 100, count: 12)

  private func pixel(_ bytes: [UInt8], _ place: Int) -> [UInt8] { Array(bytes[3 * place..<3 * place + 3]) }

  @Test func coloursHaveTheirEnds() {
    let unsigned = Overlay.colors(isSigned: false)
    #expect(unsigned.color(of: 0) == .init(0x440154) && unsigned.color(of: -3) == .init(0x440154))
    #expect(unsigned.color(of: 1) == .init(0xfde725) && unsigned.color(of: 9) == .init(0xfde725))
    let signed = Overlay.colors(isSigned: true)
    #expect(signed.color(of: 0) == .init(0xf7f7f7))
    #expect(signed.color(of: 1) == .init(0x67001f) && signed.color(of: -1) == .init(0x053061))
  }

  @Test func signsHaveColours() {
    let bytes = Overlay.blended(grey, [1, -1, 0, 0.25], clipping: 0)
    let (red, blue) = (pixel(bytes, 0), pixel(bytes, 1))
    #expect(red[0] > red[2] && blue[2] > blue[0])
    #expect(pixel(bytes, 2) == [100, 100, 100], "what does not count stays grey")
    #expect(pixel(bytes, 3)[0] > pixel(bytes, 3)[2])
  }

  @Test func magnitudesGoFromDarkToLight() {
    let bytes = Overlay.blended(grey, [0, 0.3, 0.6, 1], clipping: 0)
    let light = (0..<4).map { pixel(bytes, $0).reduce(0) { $0 + Int($1) } }
    #expect(light == light.sorted() && Set(light).count == 4)
    // Every map has the same range, whatever its scale.
    #expect(bytes == Overlay.blended(grey, [0, 300, 600, 1000], clipping: 0))
  }

  @Test func singlePeaksDoNotDimTheRest() {
    var map = [Float](repeating: 0, count: 200)
    map[0] = 1000
    for place in 1..<100 { map[place] = 1 }
    let pixels = [UInt8](repeating: 100, count: 600)
    let bytes = Overlay.blended(pixels, map)
    #expect(pixel(bytes, 0) == pixel(bytes, 1))
    // A single place that counts is seen all the same.
    map = [Float](repeating: 0, count: 200)
    map[7] = 1
    #expect(pixel(Overlay.blended(pixels, map), 7) != pixel(Overlay.blended(pixels, map), 8))
  }

  @Test func aMapOfNothingIsDrawn() {
    #expect(Overlay.blended(grey, [0, 0, 0, 0]).count == 12)
    #expect(Overlay.blended(grey, [0, 0, 0, 0], isSigned: true) == grey)
  }
}
