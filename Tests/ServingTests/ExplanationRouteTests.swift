import Aviary
import AviaryExplanations
import AviaryPictures
import Testing

@testable import AviaryServing

/// Heat maps of photographs, without sockets.
@Suite struct ExplanationRouteTests {
  private let setting: RouteSetting
  private var service: InferenceService { setting.service }

  init() throws { setting = try RouteSetting() }

  @Test func theHeatMapIsThatOfTheExplainer() async throws {
    let image = setting.predictor.preprocessing.sized(try DecodedImage(decoding: Toy.jpeg(5), named: "x"))
    let x = setting.predictor.preprocessing.tensor(of: [image])
    func map(_ model: some Classifier) throws -> ClassActivationMap { try Explainer(model).gradCAM(x, .output(1)) }
    let expected = try map(setting.predictor.model)
    let target = "/explain?model=pets&class=dog"
    let json = await service.answer(.post, target, headers: ["accept": "application/json"], Toy.jpeg(5))
    #expect(json.status == 200 && json.json["class"]?.text == "dog", "\(json.text)")
    #expect(json.json["layer"]?.text == expected.layer)
    let rows = json.json["map"]?.elements?.map { $0.elements?.compactMap(\.double) ?? [] } ?? []
    #expect(rows.count == expected.values.shape[1])
    let largest = expected.values.scalars.max() ?? 1
    for (found, wanted) in zip(rows.joined(), expected.values.scalars) {
      #expect(abs(Float(found) - wanted) <= 1e-4 * largest)
    }

    let png = await service.answer(.post, target, headers: ["accept": "image/png"], Toy.jpeg(5))
    #expect(png["Content-Type"] == "image/png" && png["X-Class"] == "dog")
    let picture = try DecodedImage(decoding: png.body, named: "map.png")
    let overlaid = Overlay.blended(
      image.pixels, resampled(expected.values, height: 32, width: 32).scalars, clipping: 0, isSigned: false)
    #expect(picture.width == 32 && picture.height == 32)
    #expect(zip(picture.pixels, overlaid).allSatisfy { abs(Int($0) - Int($1)) <= 2 })
    let owl = await service.answer(.post, "/explain?model=pets&class=K%C3%A4uzchen", Toy.jpeg(5))
    #expect(owl["X-Class"] == "K%C3%A4uzchen" && owl["Content-Type"] == "image/png")
    let text = await service.answer(.post, target, headers: ["accept": "text/plain"], Toy.jpeg(5))
    #expect(text.text.hasPrefix("dog "))
    let unknown = await service.answer(.post, "/explain?model=pets&class=dig", Toy.jpeg(5))
    #expect(unknown.status == 400 && unknown.text.contains("did you mean 'dog'"))
    let isFlat = Set(expected.values.scalars).count == 1
    #expect((json.json["notes"] != nil) == isFlat && (png["X-Note"] != nil) == isFlat)
  }

  /// A head of zeros: nothing in the picture counts.
  @Test func aMapOfZerosIsSaid() async throws {
    var checkpoint = try Toy.images()
    let weights = try #require(checkpoint["fc.weight"])
    checkpoint.set(StoredArray([Float](repeating: 0, count: weights.count), shape: weights.shape), at: "fc.weight")
    let service = try Toy.service(["zeros": checkpoint], in: setting.folder)
    let note = "the map is zero everywhere: by gradcam, nothing in the image counts for 'dog'"
    func explained(_ type: String) async -> WebResponse {
      await service.answer(.post, "/explain?class=dog", headers: ["accept": type], Toy.jpeg(5))
    }
    let json = await explained("application/json")
    #expect(json.json["notes"]?.texts == [note], "\(json.text)")
    #expect((await explained("text/plain")).text.hasSuffix("\n\(note)\n"))
    #expect((await explained("image/png"))["X-Note"]?.hasPrefix("the%20map%20is%20zero%20everywhere") == true)
  }
}
