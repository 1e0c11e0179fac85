//! A still picture as H.264 video: the first frame holds the samples as they are (`I_PCM`
//! macroblocks), every further frame says "as before" (`P_Skip`). No transform, no prediction, no
//! library; every decoder of the constrained baseline profile shows it.
//!
//! Syntax: ITU-T H.264, sections 7.3 (syntax), 7.4.2.1 (sequences), 9.1 (Exp-Golomb codes).

use image::RgbImage;

/// A video of one picture.
pub(crate) struct Still {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Sequence parameter set, as a NAL unit.
    pub(crate) sps: Vec<u8>,
    /// Picture parameter set, as a NAL unit.
    pub(crate) pps: Vec<u8>,
    /// The first frame, as a NAL unit.
    pub(crate) first: Vec<u8>,
    macroblocks: u32,
}

/// Constrained baseline.
pub(crate) const PROFILE: [u8; 2] = [66, 0xC0];
/// Level 3.1: up to 1280 × 720 at 30 frames a second.
pub(crate) const LEVEL: u8 = 31;
/// Frame numbers have this many bits.
const FRAME_BITS: u32 = 16;

impl Still {
    /// The picture's sides must be even and at most 1280 × 720 in area.
    pub(crate) fn of(picture: &RgbImage) -> Still {
        let (width, height) = picture.dimensions();
        let (across, down) = (width.div_ceil(16), height.div_ceil(16));
        Still {
            width,
            height,
            sps: sequence(width, height, across, down),
            pps: pictures(),
            first: first_frame(picture, across, down),
            macroblocks: across * down,
        }
    }

    /// The `number`th frame after the first, from 1: nothing has changed.
    pub(crate) fn repeat(&self, number: u32) -> Vec<u8> {
        let mut bits = Bits::default();
        bits.ue(0); // first_mb_in_slice
        bits.ue(5); // slice_type: P, and so are all slices of the picture
        bits.ue(0); // pic_parameter_set_id
        bits.put(number % (1 << FRAME_BITS), FRAME_BITS); // frame_num
        bits.put(0, 1); // num_ref_idx_active_override_flag
        bits.put(0, 1); // ref_pic_list_modification_flag_l0
        bits.put(0, 1); // adaptive_ref_pic_marking_mode_flag
        bits.se(0); // slice_qp_delta
        bits.ue(1); // disable_deblocking_filter_idc
        bits.ue(self.macroblocks); // mb_skip_run: all of them
        bits.unit(0x41)
    }
}

fn sequence(width: u32, height: u32, across: u32, down: u32) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.put(u32::from(PROFILE[0]), 8);
    bits.put(u32::from(PROFILE[1]), 8);
    bits.put(u32::from(LEVEL), 8);
    bits.ue(0); // seq_parameter_set_id
    bits.ue(FRAME_BITS - 4); // log2_max_frame_num_minus4
    bits.ue(2); // pic_order_cnt_type: shown in the order of decoding
    bits.ue(1); // max_num_ref_frames
    bits.put(0, 1); // gaps_in_frame_num_value_allowed_flag
    bits.ue(across - 1);
    bits.ue(down - 1);
    bits.put(1, 1); // frame_mbs_only_flag
    bits.put(1, 1); // direct_8x8_inference_flag
    bits.put(1, 1); // frame_cropping_flag; offsets in units of two samples
    bits.ue(0);
    bits.ue((across * 16 - width) / 2);
    bits.ue(0);
    bits.ue((down * 16 - height) / 2);
    bits.put(1, 1); // vui_parameters_present_flag
    bits.put(0, 1); // aspect_ratio_info_present_flag
    bits.put(0, 1); // overscan_info_present_flag
    bits.put(1, 1); // video_signal_type_present_flag
    bits.put(5, 3); // video_format: unspecified
    bits.put(0, 1); // video_full_range_flag
    bits.put(1, 1); // colour_description_present_flag: BT.601, three times
    bits.put(6, 8);
    bits.put(6, 8);
    bits.put(6, 8);
    bits.put(0, 1); // chroma_loc_info_present_flag
    bits.put(0, 1); // timing_info_present_flag
    bits.put(0, 1); // nal_hrd_parameters_present_flag
    bits.put(0, 1); // vcl_hrd_parameters_present_flag
    bits.put(0, 1); // pic_struct_present_flag
    bits.put(0, 1); // bitstream_restriction_flag
    bits.unit(0x67)
}

fn pictures() -> Vec<u8> {
    let mut bits = Bits::default();
    bits.ue(0); // pic_parameter_set_id
    bits.ue(0); // seq_parameter_set_id
    bits.put(0, 1); // entropy_coding_mode_flag: CAVLC
    bits.put(0, 1); // bottom_field_pic_order_in_frame_present_flag
    bits.ue(0); // num_slice_groups_minus1
    bits.ue(0); // num_ref_idx_l0_default_active_minus1
    bits.ue(0); // num_ref_idx_l1_default_active_minus1
    bits.put(0, 1); // weighted_pred_flag
    bits.put(0, 2); // weighted_bipred_idc
    bits.se(0); // pic_init_qp_minus26
    bits.se(0); // pic_init_qs_minus26
    bits.se(0); // chroma_qp_index_offset
    bits.put(1, 1); // deblocking_filter_control_present_flag
    bits.put(0, 1); // constrained_intra_pred_flag
    bits.put(0, 1); // redundant_pic_cnt_present_flag
    bits.unit(0x68)
}

fn first_frame(picture: &RgbImage, across: u32, down: u32) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.ue(0); // first_mb_in_slice
    bits.ue(7); // slice_type: I, and so are all slices of the picture
    bits.ue(0); // pic_parameter_set_id
    bits.put(0, FRAME_BITS); // frame_num
    bits.ue(0); // idr_pic_id
    bits.put(0, 1); // no_output_of_prior_pics_flag
    bits.put(0, 1); // long_term_reference_flag
    bits.se(0); // slice_qp_delta
    bits.ue(1); // disable_deblocking_filter_idc
    for row in 0..down {
        for column in 0..across {
            bits.ue(25); // mb_type: I_PCM
            bits.align();
            macroblock(picture, column * 16, row * 16, &mut bits.bytes);
        }
    }
    bits.unit(0x65)
}

/// 256 samples of luma, then 64 of each chroma, 4:2:0; the picture's edge is repeated beyond it.
fn macroblock(picture: &RgbImage, left: u32, top: u32, samples: &mut Vec<u8>) {
    let (width, height) = picture.dimensions();
    let at = |x: u32, y: u32| picture.get_pixel(x.min(width - 1), y.min(height - 1)).0;
    for y in 0..16 {
        samples.extend((0..16).map(|x| luma(at(left + x, top + y))));
    }
    for weights in [[-0.148_223, -0.290_993, 0.439_216], [0.439_216, -0.367_788, -0.071_427]] {
        for y in (0..16).step_by(2) {
            for x in (0..16).step_by(2) {
                let mut sum = 0.0;
                for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                    sum += weighted(at(left + x + dx, top + y + dy), weights);
                }
                samples.push((128.0 + sum / 4.0).round().clamp(1.0, 254.0) as u8);
            }
        }
    }
}

/// ITU-R BT.601, studio range.
fn luma(pixel: [u8; 3]) -> u8 {
    (16.0 + weighted(pixel, [0.256_788, 0.504_129, 0.097_906])).round() as u8
}

fn weighted(pixel: [u8; 3], weights: [f32; 3]) -> f32 {
    pixel.iter().zip(weights).map(|(&channel, weight)| f32::from(channel) * weight).sum()
}

/// A raw byte sequence, written bit by bit.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    /// Bits used of the last byte; 0 when it is full.
    used: u32,
}

impl Bits {
    fn put(&mut self, value: u32, count: u32) {
        for shift in (0..count).rev() {
            if self.used == 0 {
                self.bytes.push(0);
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= (((value >> shift) & 1) as u8) << (7 - self.used);
            }
            self.used = (self.used + 1) % 8;
        }
    }

    /// An unsigned Exp-Golomb code.
    fn ue(&mut self, value: u32) {
        let length = (value + 1).ilog2();
        self.put(0, length);
        self.put(value + 1, length + 1);
    }

    /// A signed Exp-Golomb code.
    fn se(&mut self, value: i32) {
        let code = if value > 0 { 2 * value as u32 - 1 } else { 2 * value.unsigned_abs() };
        self.ue(code);
    }

    fn align(&mut self) {
        self.used = 0;
    }

    /// Ends the sequence and wraps it: the NAL unit's first byte, then the bytes, with a 3 after
    /// every two zeros that a small byte follows, so that no start code appears by chance.
    fn unit(mut self, header: u8) -> Vec<u8> {
        self.put(1, 1);
        let mut unit = Vec::with_capacity(self.bytes.len() + self.bytes.len() / 64 + 8);
        unit.push(header);
        let mut zeros = 0;
        for byte in self.bytes {
            if zeros == 2 && byte <= 3 {
                unit.push(3);
                zeros = 0;
            }
            unit.push(byte);
            zeros = if byte == 0 { zeros + 1 } else { 0 };
        }
        unit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_escapes_are_those_of_the_standard() {
        // Table 9-2: 0 is `1`, 1 is `010`, 2 is `011`, 3 is `00100`; then the stop bit.
        let mut bits = Bits::default();
        (0..4).for_each(|value| bits.ue(value));
        assert_eq!(bits.unit(9), [9, 0b1010_0110, 0b0100_1000]);
        let mut bits = Bits::default();
        bits.put(0, 24);
        assert_eq!(bits.unit(9), [9, 0, 0, 3, 0, 0x80]);
        let mut bits = Bits::default();
        [1, -1].iter().for_each(|&value| bits.se(value));
        assert_eq!(bits.unit(9), [9, 0b0100_1110]);
    }

    #[test]
    fn white_black_and_grey_have_their_levels() {
        assert_eq!([luma([255; 3]), luma([0; 3]), luma([128; 3])], [235, 16, 126]);
        let mut samples = Vec::new();
        macroblock(&RgbImage::from_pixel(2, 2, image::Rgb([90; 3])), 0, 0, &mut samples);
        assert_eq!(samples.len(), 384);
        assert!(samples[256..].iter().all(|&chroma| chroma == 128));
    }
}
