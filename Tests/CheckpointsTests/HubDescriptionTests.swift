import AviaryDatasets
import Foundation
import Testing

@testable import AviaryCheckpoints

@Suite struct HubDescriptionTests {
  private func described(_ text: String, _ preprocessor: String? = nil) throws -> HubDescription? {
    HubDescription(try JSONValue(parsing: text), preprocessor: try preprocessor.map { try JSONValue(parsing: $0) })
  }

  private func preprocessing(_ preprocessor: String, _ type: String = "vit") throws -> Preprocessing? {
    try described(#"{"model_type": "\#(type)"}"#, preprocessor)?.preprocessing?.decoded(as: Preprocessing.self)
      .validated()
  }

  @Test func labelsAreInTheOrderOfTheirNumbers() throws {
    let found = try described(#"{"model_type": "vit", "id2label": {"1": "b", "0": "a", "2": "a"}}"#)
    #expect(found?.classes == ["a", "b", "a (2)"])
    #expect(found?.notes == ["class names that stand twice were numbered"])
    for labels in [
      #"{"0": "a", "2": "b"}"#, #"{"0": 1}"#, "{}", #"["a"]"#, #"{"x": "a"}"#, #"{"-1": "a"}"#,
      #"{"00": "a", "0": "b"}"#,
    ] {
      #expect(try described(#"{"model_type": "vit", "id2label": \#(labels)}"#)?.classes == nil)
    }
    #expect(HubDescription.distinct(["a", "a (1)", "a"]) == ["a", "a (1)", "a (2)"])
    #expect(HubDescription.distinct(["a", "a", "a (1)"]) == ["a", "a (1)'", "a (1)"])
    #expect(Set(ImageNet.names).count == 1000 && ImageNet.names[0] == "tench")
  }

  @Test func timmsPreparation() throws {
    let text = #"""
      {"architecture": "resnet50", "num_classes": 1000, "pretrained_cfg": {"tag": "a1_in1k", "input_size": [3, 224, 224],
       "interpolation": "bicubic", "crop_pct": 0.95, "crop_mode": "center", "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4]}}
      """#
    let found = try #require(try described(text))
    #expect(found.classes == ImageNet.names && found.name == "resnet50")
    #expect(
      try found.preprocessing?.decoded(as: Preprocessing.self)
        == Preprocessing(
          resize: .shorterSide(235), crop: .square(224), interpolation: .bicubic, scale: 1 / 255,
          mean: [0.5, 0.4, 0.3],
          standardDeviation: [0.2, 0.3, 0.4]))
    let squashed = try described(text.replacing("center", with: "squash").replacing("0.95", with: "1.0"))
    #expect(
      try squashed?.preprocessing?.decoded(as: Preprocessing.self).resize == .exact(.square(224)))
    for (old, new) in [
      ("bicubic", "lanczos"), ("[3, 224, 224]", "[3, 0, 224]"), ("0.95", "1e-9"), ("0.4, 0.3]", "0.4]"),
      ("0.4]}", "-1]}"),
      ("[3, 224, 224]", "[3, 99999, 224]"), ("center", "border"),
      // timm keeps the proportions there.
      ("[3, 224, 224]", "[3, 224, 320]"),
    ] {
      #expect(try described(text.replacing(old, with: new))?.preprocessing == nil, "\(new)")
    }
  }

  @Test func changedLayersAreSaid() throws {
    let text = #"{"architecture": "resnet18", "model_args": {"img_size": 96, "drop_rate": 0.2, "act_layer": "gelu"}}"#
    #expect(
      try described(text)?.notes
        == ["model_args: 'act_layer' are not taken into account, and the network may be another one"])
    #expect(try described(text.replacing(#", "act_layer": "gelu""#, with: ""))?.notes == [])
  }

  /// What a processor does where its file does not say.
  @Test func processorsHaveDefaults() throws {
    func found(_ type: String, _ rest: String) throws -> Preprocessing? {
      try preprocessing(#"{"image_processor_type": "\#(type)ImageProcessor", \#(rest)}"#)
    }
    let vit = try found("ViT", #""size": 224"#)
    #expect(vit?.mean == [0.5, 0.5, 0.5] && vit?.standardDeviation == [0.5, 0.5, 0.5] && vit?.crop == nil)
    let convNeXt = try found("ConvNext", #""size": {"shortest_edge": 384}"#)
    #expect(convNeXt?.interpolation == .bicubic && convNeXt?.mean == [0.5, 0.5, 0.5])
    #expect(try found("Bit", #""size": {"shortest_edge": 256}"#)?.mean.first == 0.48145466)
    #expect(try found("MobileNetV2", #""size": {"shortest_edge": 256}"#)?.crop == .square(224))
    #expect(try found("DeiT", #""size": 256, "do_center_crop": false"#)?.crop == nil)
    #expect(try found("ViT", #""size": 224, "image_mean": 0.25"#)?.mean == [0.25, 0.25, 0.25])
  }

  @Test func transformersPreparation() throws {
    let half = #""image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]"#
    func expected(
      _ resize: Preprocessing.Resize, _ crop: ImageSize?, _ interpolation: Preprocessing.Interpolation = .bilinear
    ) -> Preprocessing {
      Preprocessing(
        resize: resize, crop: crop, interpolation: interpolation, scale: 1 / 255, mean: [0.5, 0.5, 0.5],
        standardDeviation: [0.5, 0.5, 0.5])
    }
    // One number is both sides for a ViT, and the shorter one for others.
    #expect(
      try preprocessing(#"{"feature_extractor_type": "ViTFeatureExtractor", "size": 224, "resample": 2, \#(half)}"#)
        == expected(.exact(.square(224)), nil))
    #expect(
      try preprocessing(
        #"{"image_processor_type": "ViTImageProcessor", "size": {"height": 384, "width": 320}, \#(half)}"#)
        == expected(.exact(ImageSize(height: 384, width: 320)), nil))
    #expect(
      try preprocessing(
        #"{"feature_extractor_type": "DeiTFeatureExtractor", "size": 256, "do_center_crop": true, "crop_size": 224, "resample": 3, \#(half)}"#
      )
        == expected(.exact(.square(256)), .square(224), .bicubic))
    #expect(
      try preprocessing(
        #"{"image_processor_type": "MobileNetV2ImageProcessor", "size": {"shortest_edge": 256}, "do_center_crop": true, "crop_size": {"height": 224, "width": 224}, "resample": 2, \#(half)}"#
      )
        == expected(.shorterSide(256), .square(224)))
    // ConvNeXt's: more than the crop up to 384, pressed into a square from there on.
    #expect(
      try preprocessing(
        #"{"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 224}, "crop_pct": 0.875, "resample": 3, \#(half)}"#
      )
        == expected(.shorterSide(256), .square(224), .bicubic))
    #expect(
      try preprocessing(
        #"{"feature_extractor_type": "ConvNextFeatureExtractor", "size": 384, "resample": 3, \#(half)}"#)
        == expected(.exact(.square(384)), nil, .bicubic))
    for bad in [
      #"{"size": 0}"#, #"{"size": {"shortest_edge": -3}}"#, #"{"size": 224, "image_mean": [1]}"#,
      #"{"size": 224, "image_std": [0, 1, 1]}"#, #"{"size": 224, "rescale_factor": 0}"#,
      #"{"size": 224, "resample": 1}"#,
      #"{"size": 224, "do_resize": false}"#, "[]", "{}", #"{"size": 224, "do_center_crop": true, "crop_size": "x"}"#,
      #"{"size": 1e999}"#, #"{"image_processor_type": "ConvNextImageProcessor", "size": 224, "crop_pct": 0}"#,
    ] { #expect(try preprocessing(bad) == nil, "\(bad)") }
  }

  @Test func otherFilesAreNotTaken() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("described-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var checkpoint = Checkpoint()
    checkpoint.set(StoredArray([1.0 as Float], shape: [1]), at: "a")
    try checkpoint.write(to: folder + "/model.safetensors")
    try checkpoint.write(to: folder + "/other.pth")
    func read(_ config: String, _ name: String = "model.safetensors") throws -> Checkpoint {
      try Data(config.utf8).write(to: URL(fileURLWithPath: folder + "/config.json"))
      return try Checkpoint.read(from: folder + "/" + name)
    }
    let config = #"{"model_type": "vit", "id2label": {"0": "x"}}"#
    #expect(try read(config).hub?.type == "vit")
    #expect(try read(config).metadata.classes == ["x"])
    #expect(try read(config, "other.pth").hub == nil, "any program's config.json")
    for text in ["", "{", "[]", "3", #"{"name": "app"}"#, #"{"model_type": 3}"#] { #expect(try read(text).hub == nil) }
    // Aviary's own description is of one file.
    let card =
      #"{"aviary": {"file": "other.pth", "architecture": "resnet18", "classes": ["q"], "metrics": {"top1": 70.5}}}"#
    let described = try read(card, "other.pth").metadata
    #expect(described.architecture == "resnet18" && described.classes == ["q"] && described.metrics == ["top1": 70.5])
    #expect(try read(card).metadata.architecture == nil)
  }
}
