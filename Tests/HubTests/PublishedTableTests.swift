import Aviary
import AviaryArchives
import Testing

@testable import AviaryHub

@Suite struct PublishedTableTests {
  @Test func rowsNameNetworksOfTheZoo() throws {
    let known = Set(Registry.zoo.architectures.map(\.name))
    let named = PublishedTable.own.entries.compactMap(\.architecture)
    #expect(named.count > 100)
    for name in named { #expect(known.contains(name), "\(name)") }
  }

  /// torchvision's builders say so, and neither the file nor a shape does.
  @Test(arguments: ["googlenet", "inception_v3"]) func theirInputIsTransformed(name: String) throws {
    let entry = try #require(PublishedTable.own[name + "-imagenet"])
    let configuration = try #require(entry.card["aviary"]?["configuration"])
    let architecture = try Registry.zoo.architecture(named: name)
    let published = try JSONValue(encoding: architecture.build().configuration)
    let model = try architecture.build(configuration: configuration)
    for member in try #require(JSONValue(encoding: model.configuration).members) {
      if member.name == "transformInput" {
        #expect(member.value == .boolean(true))
      } else {
        #expect(member.value == published[member.name], "\(member.name)")
      }
    }
  }

  /// Of Keras's files, what its `preprocess_input` of that network does.
  @Test func kerasRowsSayHowImagesArePrepared() throws {
    func prepared(_ name: String) throws -> Preprocessing {
      let entry = try #require(PublishedTable.own["keras-\(name)-imagenet"])
      return try #require(entry.preprocessing).decoded(as: Preprocessing.self)
    }
    for entry in PublishedTable.own.entries where entry.name.hasPrefix("keras-") && !entry.name.contains("resnext") {
      _ = try prepared(String(entry.name.dropFirst(6).dropLast(9))).validated()
    }
    let caffe = try prepared("resnet50")
    #expect(caffe.channels == .bgr && caffe.scale == 1 && caffe.mean == [103.939, 116.779, 123.68])
    #expect(caffe.outputSize == .square(224) && caffe.standardDeviation == [1, 1, 1])
    #expect(try prepared("vgg19") == caffe)
    #expect(try prepared("resnet50v2") == .tensorflow(size: 224))
    #expect(try prepared("xception") == .tensorflow(size: 299))
    #expect(try prepared("nasnet_large") == .tensorflow(size: 331))
    let torch = try prepared("densenet201")
    #expect(torch.mean == [0.485, 0.456, 0.406] && torch.standardDeviation == [0.229, 0.224, 0.225])
    #expect(torch.scale == 1 / 255 && torch.channels == .rgb && torch.outputSize == .square(224))
    #expect(try prepared("efficientnetb4") == .raw(size: 380))
    #expect(try prepared("efficientnetv2-s") == .raw(size: 384))
    #expect(try prepared("mobilenet_v3_large_224_1.0_float") == .raw(size: 224))
  }

  @Test func aModeOfNobodyIsRefused() throws {
    let row = #"{"name":"a","url":"https://h/a.h5","mode":"MODE","size":SIZE}"#
    for (mode, size) in [("theano", "224"), ("tf", "0"), ("tf", "9000")] {
      let text = row.replacing("MODE", with: mode).replacing("SIZE", with: size)
      #expect(throws: PullFault.self) { try PublishedTable.entries(Array(text.utf8), path: "t") }
    }
  }
}
